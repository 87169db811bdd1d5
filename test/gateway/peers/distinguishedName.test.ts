import { describe, expect, it } from 'vitest';
import { hasNames, parseDistinguishedName } from '../../../src/gateway/peers/distinguishedName.ts';

function has(subject: string, wanted: string): boolean {
  const [whole, part] = [parseDistinguishedName(subject), parseDistinguishedName(wanted)];
  if (!whole || !part) throw new Error('not a distinguished name');
  return hasNames(whole, part);
}

describe('a subject has what is wanted', () => {
  it.each([
    ['the same', 'CN=ct1,O=Elsewhere', 'CN=ct1,O=Elsewhere'],
    ['a part, in another order', 'CN=ct1,OU=Radiology,O=Elsewhere,C=DE', 'O=Elsewhere,CN=ct1'],
    ['in another case, with other spaces', 'CN=CT1 ,O=St  Elsewhere', 'cn=ct1,o=st elsewhere'],
    ['under another name of the type', 'emailAddress=a@b.example,ST=Bern', 'E=a@b.example,2.5.4.8=bern'],
    ['with escaped separators', 'CN=ct1,O=Elsewhere\\, Inc.', 'O=Elsewhere\\2C Inc.'],
    ['beyond ASCII, composed or not', 'O=Spital Z\u00fcrich', 'O=Spital Zu\u0308rich'],
    ['beyond ASCII, as bytes of UTF-8', 'O=Z\\C3\\BCrich', 'O=Z\u00fcrich'],
    ['one of several attributes of a part', 'CN=ct1+serialNumber=7,O=x', 'CN=ct1'],
  ])('%s', (_what, subject, wanted) => expect(has(subject, wanted)).toBe(true));

  it.each([
    ['another value', 'CN=ct10,O=Elsewhere', 'CN=ct1'],
    ['another type', 'OU=ct1,O=Elsewhere', 'CN=ct1'],
    ['only some of it', 'CN=ct1', 'CN=ct1,O=Elsewhere'],
    ['the wanted text within a value', 'CN=evil,O=x\\,CN\\=ct1', 'CN=ct1'],
    ['the parts apart that are wanted together', 'CN=ct1,serialNumber=7', 'CN=ct1+serialNumber=7'],
    ['a star is a star', 'CN=ct1', 'CN=*'],
  ])('not when it has %s', (_what, subject, wanted) => expect(has(subject, wanted)).toBe(false));
});

it.each(['', 'ct1', 'CN=', 'CN=ct1,', 'CN=ct1,,O=x', 'O=A+B', '=x', 'CN = '])(
  '"%s" is no distinguished name',
  (text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  },
);
