import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { admitCommand, shellQuote } from '../../../src/gateway/peers/admitCommand.ts';

/** What a shell makes of a command line. */
const words = (command: string): string[] =>
  execFileSync('sh', ['-c', `for word in ${command}; do printf '%s\\0' "$word"; done`])
    .toString('latin1')
    .split('\0')
    .slice(0, -1);

describe('the command that admits somebody', () => {
  it('has what was seen of it', () => {
    expect(admitCommand({ aeTitle: 'CT1', address: 'fd00::7', fingerprint: 'ab' }, '/etc/a b.yaml')).toBe(
      "medusa-gateway peers add CT1 --address fd00::7 --fingerprint ab --config '/etc/a b.yaml'",
    );
  });

  it.each([
    '$(reboot)',
    "';reboot;'",
    '`id`',
    'A B',
    '~root',
    '*x',
    '"',
    '#',
    '!!',
    'a=b',
    '{a,b}',
    '-c',
    '--any-address',
    '?',
    'A>B',
  ])('is one word for the title %s', (aeTitle) => {
    const command = admitCommand({ aeTitle, address: '10.0.0.1' }, '/etc/g.yaml');
    expect(command).toBeDefined();
    const parts = words(command ?? '');
    expect(parts.filter((part) => part === aeTitle)).toHaveLength(1);
    if (aeTitle.startsWith('-')) expect(parts.at(-2)).toBe('--');
  });

  it('is none for what would admit everybody, or is no AE title', () => {
    for (const aeTitle of ['*', '', ' ', 'a\\x0ab', 'longer than sixteen']) {
      expect(admitCommand({ aeTitle })).toBeUndefined();
    }
    expect(admitCommand({ aeTitle: 'CT1', calledAeTitle: 'A\nB' })).toBeUndefined();
  });

  it('quotes any text', () => {
    for (const text of ["it's", '$HOME', 'a\nb', '\\', ' ', '']) expect(words(shellQuote(text))).toEqual([text]);
  });
});
