import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CanonicalValue, canonicalJson } from '../../src/delivery/canonicalJson.ts';

describe('canonical JSON', () => {
  it('sorts names by UTF-16 code units and escapes as RFC 8785 section 3.2.3 shows', () => {
    const value = { '\u20ac': 'Euro', '\r': 'CR', '1': 'One', '\u0080': 'Control', '\u00f6': 'o', '\ufb33': 'Dalet' };
    expect(canonicalJson({ ...value, '\ud83d\ude02': 'Smiley' })).toBe(
      '{"\\r":"CR","1":"One","\u0080":"Control","\u00f6":"o","\u20ac":"Euro","\ud83d\ude02":"Smiley","\ufb33":"Dalet"}',
    );
    expect(canonicalJson({ b: [1, 'x', true, {}], a: '\u000f\n"\\/' })).toBe(
      '{"a":"\\u000f\\n\\"\\\\/","b":[1,"x",true,{}]}',
    );
  });

  it('refuses what has no single text', () => {
    for (const bad of [1.5, Number.NaN, 2 ** 53, -0, null, 'a\ud800', new Date(0), [undefined], { a: { b: null } }]) {
      expect(() => canonicalJson(bad as CanonicalValue)).toThrow(
        expect.objectContaining({ code: 'json.not-canonical' }),
      );
    }
  });

  it('comes back as it went, and has one text whatever the order of writing', () => {
    const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.maxSafeInteger(), fc.boolean());
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.string({ unit: 'grapheme' }), tie('tree'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const text = canonicalJson(value as CanonicalValue);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(value);
      }),
    );
  });
});
