import { describe, expect, it } from 'vitest';
import {
  alternativeName,
  namesForAuthority,
  parseSubject,
  proposeNames,
  subjectFor,
} from '../../../src/gateway/identity/subject.ts';

describe('subject', () => {
  it.each([
    ['CN=gw', [['CN', 'gw']]],
    [
      'cn = gw , O=Clinic North,C=de',
      [
        ['CN', 'gw'],
        ['O', 'Clinic North'],
        ['C', 'DE'],
      ],
    ],
    [
      'O=Smith\\, Jones = Sons, CN=gw',
      [
        ['O', 'Smith, Jones = Sons'],
        ['CN', 'gw'],
      ],
    ],
    [
      '/C=DE/O=Clinic\\/North, Inc/CN=gw',
      [
        ['C', 'DE'],
        ['O', 'Clinic/North, Inc'],
        ['CN', 'gw'],
      ],
    ],
    ['emailAddress=pacs@clinic.example', [['E', 'pacs@clinic.example']]],
  ])('%s', (text, expected) => {
    expect(parseSubject(text).map(({ type, value }) => [type, value])).toEqual(expected);
  });
  const long = 'a'.repeat(65);
  // What begins with # would be taken for DER (RFC 4514 2.4).
  const written = ['CN=#0403', 'CN=gw, O=#0C0161', 'CN=a\nb', 'CN=a\\\u0000b', `CN=${long}`, `O=${long}, CN=gw`];
  it.each(['', 'gw', 'CN=', 'CN=gw,', 'X=gw', 'CN=gw, C=Germany', ...written])('refuses %j', (text) => {
    expect(() => parseSubject(text)).toThrow(expect.objectContaining({ code: 'identity.name' }));
  });
});

describe('alternative names', () => {
  it.each([
    ['gateway', 'dns'],
    ['PACS_GW-1.clinic.example', 'dns'],
    ['*.clinic.example', 'dns'],
    ['10.1.2.3', 'ip'],
    ['fd00::1', 'ip'],
  ])('%s is %s', (text, type) => expect(alternativeName(text).type).toBe(type));
  it.each(['', 'gateway:2762', 'https://gateway', 'a b', '10.1.2', '-a', 'a..b', 'größe.example', '10.1.2.3/24'])(
    'refuses %j',
    (text) => expect(() => alternativeName(text)).toThrow(expect.objectContaining({ code: 'identity.name' })),
  );
});

describe('proposal', () => {
  const machine = {
    hostname: 'gw1',
    addresses: ['127.0.0.1', '10.1.5.20', '::1', 'fe80::1', '169.254.3.3', 'fd00::5'],
  };
  it("holds the machine's name, what listeners are bound to, addresses, and this machine for tests", () => {
    const names = proposeNames(machine, ['0.0.0.0', '::', 'gw.clinic.example', '10.1.5.20', '127.0.0.1']);
    expect(names).toEqual(['gw1', 'gw.clinic.example', '10.1.5.20', 'fd00::5', 'localhost', '127.0.0.1']);
    expect(namesForAuthority(names)).toEqual(['gw1', 'gw.clinic.example', '10.1.5.20', 'fd00::5']);
  });
  it('leaves out a host name that cannot stand in a certificate', () => {
    expect(proposeNames({ hostname: 'größe', addresses: [] }, [])).toEqual(['localhost', '127.0.0.1']);
  });
  it('takes the first name that fits into CN', () => {
    expect(subjectFor([`${'a'.repeat(60)}.example.org`, 'gw'])).toEqual([{ type: 'CN', value: 'gw' }]);
    expect(subjectFor([])).toEqual([{ type: 'CN', value: 'MEDUSA Edge Gateway' }]);
  });
});
