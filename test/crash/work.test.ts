import { expect, test } from 'vitest';
import { temporaryDirectory } from '../spool/support.ts';
import { crashWork } from './work.ts';

test('kill -9 in the middle of split applications loses nothing and doubles nothing', {
  timeout: 180_000,
}, async () => {
  const directory = temporaryDirectory('medusa-crash-work-');
  try {
    const verdict = await crashWork({ directory: directory.path, points: 6 });
    expect(verdict).toMatchObject({ lost: [], doubled: [], problems: [] });
    expect(verdict.acknowledged).toBeGreaterThan(6);
  } finally {
    directory.remove();
  }
});
