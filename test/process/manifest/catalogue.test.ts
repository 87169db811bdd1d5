import { appendFileSync, chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadApplications } from '../../../src/process/manifest/catalogue.ts';
import { folderMaker, plainManifest } from './manifestFolders.ts';

const folder = folderMaker();

describe('loadApplications', () => {
  it('finds the highest version of a name, or the one that is asked for', () => {
    const catalogue = loadApplications(
      folder({
        'old/application.yaml': plainManifest('lung', '1.9.0'),
        'new/application.yaml': plainManifest('lung', '1.10.0'),
        'next/application.yaml': plainManifest('lung', '1.11.0-rc.1'),
        'bone/application.yaml': plainManifest('bone'),
        'notes/readme.txt': 'no application',
      }),
    );
    expect(catalogue.problems).toEqual([]);
    expect(catalogue.applications.map(({ name, version }) => `${name} ${version}`)).toEqual([
      'bone 1.0.0',
      'lung 1.11.0-rc.1',
      'lung 1.10.0',
      'lung 1.9.0',
    ]);
    expect(catalogue.find('lung@1.9.0')?.version).toBe('1.9.0');
    expect(catalogue.find('lung@3.0.0')).toBeUndefined();
    expect(catalogue.explain('lung@3.0.0').hint).toBe('there is version 1.11.0-rc.1, 1.10.0, 1.9.0');
    expect(catalogue.explain('lng').hint).toBe('did you mean "lung"?');
  });

  it('prefers a release to what comes before it', () => {
    const catalogue = loadApplications(
      folder({
        'a/application.yaml': plainManifest('lung', '2.0.0-rc.1'),
        'b/application.yaml': plainManifest('lung', '2.0.0'),
      }),
    );
    expect(catalogue.find('lung')?.version).toBe('2.0.0');
  });

  it('leaves out a broken one, and only that', () => {
    const directory = folder({
      'bad/application.yaml': 'name: bad\nversion: 1.0.0\nscop: study\n',
      'good/application.yaml': plainManifest('good'),
    });
    const catalogue = loadApplications(directory);
    expect(catalogue.applications.map(({ name }) => name)).toEqual(['good']);
    expect(catalogue.problems).toMatchObject([{ file: join(directory, 'bad/application.yaml'), line: 3, column: 1 }]);
  });

  it('refuses the second of two with one name and version', () => {
    const directory = folder({
      'a/application.yaml': plainManifest('twin'),
      'b/application.yaml': plainManifest('twin'),
    });
    const catalogue = loadApplications(directory);
    expect(catalogue.find('twin')?.directory).toBe(join(directory, 'a'));
    expect(catalogue.problems).toMatchObject([
      { file: join(directory, 'b/application.yaml'), line: 2, key: 'version', hint: 'give it a version of its own' },
    ]);
  });

  it('says so when there is no folder', () => {
    expect(loadApplications('/no/such/folder').problems).toMatchObject([{ message: 'the folder does not exist' }]);
  });
});

describe('the digest', () => {
  const digestIn = (directory: string) => loadApplications(directory).applications[0]?.digest;

  it('changes with any file of the folder, its name and whether it is a program', () => {
    const directory = folder({ 'a/application.yaml': plainManifest('a'), 'a/model/weights': 'w' });
    const seen = [digestIn(directory)];
    const seeAfter = (change: () => void) => {
      change();
      seen.push(digestIn(directory));
    };
    seeAfter(() => appendFileSync(join(directory, 'a/model/weights'), 'x'));
    seeAfter(() => renameSync(join(directory, 'a/model/weights'), join(directory, 'a/model/other')));
    seeAfter(() => chmodSync(join(directory, 'a/model/other'), 0o755));
    seeAfter(() => writeFileSync(join(directory, 'a/more'), ''));
    seeAfter(() => appendFileSync(join(directory, 'a/application.yaml'), '# a comment\n'));
    expect(new Set(seen).size).toBe(6);
    expect(seen).not.toContain(undefined);
  });

  it('stays what it was when the folder moves or a program leaves its cache there', () => {
    const directory = folder({ 'a/application.yaml': plainManifest('a') });
    const before = digestIn(directory);
    mkdirSync(join(directory, 'a/__pycache__'));
    writeFileSync(join(directory, 'a/__pycache__/x.pyc'), 'x');
    renameSync(join(directory, 'a'), join(directory, 'b'));
    expect(digestIn(directory)).toBe(before);
  });
});
