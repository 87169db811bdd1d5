/**
 * What we do beyond table E.1-1, in its form: attributes that it does not name and that hold an identity, an address or a seal of
 * the original, and free text that it leaves to the sequences around it.
 */
export const ownRules = `
X
  0008: 0001 0051 0300 1190
  0010: 0024 0033 0034
  0032: 1031
  0038: 0100 0101
  0040: 0026 0027 0031 0032 0036 0039 003A 1006 1007 2006 2007 4009 E010 E025
  0400: 0500
  4FFE: 0001
X retainInstitutionIdentity=K
  0032: 1034
X cleanDescriptors=C
  0062: 0006
  0070: 0068
Z
  0010: 2294
Z cleanDescriptors=C
  0042: 0010
D cleanDescriptors=C
  0070: 0081
D cleanDescriptors=C cleanStructuredContent=C
  0040: A160
`;

/** UIDs that say what something is (a class, a coding scheme, a context group), not which one it is: kept, whoever made them up. */
export const classUids: ReadonlySet<number> = new Set([
  0x00080016, 0x0008001a, 0x0008001b, 0x00080062, 0x0008010c, 0x00080117, 0x00080118, 0x00081150, 0x0008115a,
  0x00041510, 0x00041512, 0x0004151a, 0x00083002,
]);

/** URLs of vocabularies, not of servers: (0008,0120) URN Code Value, (0008,010E) Coding Scheme URL. */
export const vocabularyUrls: ReadonlySet<number> = new Set([0x00080120, 0x0008010e]);
