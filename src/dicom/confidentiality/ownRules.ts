/**
 * What we do beyond table E.1-1, in its form: attributes that it does not name and that hold an identity, an address or a seal of
 * the original, free text that it leaves to the sequences around it, and what people type: descriptions, comments, notes, reasons.
 * D where an IOD may want a value (PS3.3), X or Z elsewhere.
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
  0010: 2295
  0014: 0100
  0072: 0010
  0074: 100C
  2100: 0160
  4010: 101A
X retainInstitutionIdentity=K
  0032: 1034
X retainDeviceIdentity=K
  0018: 1003 1803
X cleanDescriptors=C
  0008: 0401 0402 0418
  0010: 0212 0218 0222
  0014: 0025 0042 0044 0046 1010 1040 2018 3099 4006 400C 400F 4072 4082 409B 5111 0105
  0018: 003A 11A4 7006 7062 991A
  0022: 112C
  0024: 0044 0309
  0028: 1351 6190 7005 7007 700D 7020 702A
  0038: 0102
  0040: 0255 0400 0553 1060 A047 A16A A224 A297 A33A A492
  0044: 0003 0009 0011 0106
  0062: 0006
  0066: 0004
  0070: 0068 0208
  0072: 0206
  0074: 1006 1238 140B
  0078: 0010
  0100: 0424
  2010: 0152
  2200: 0004
  3002: 0004
  3004: 0006
  3006: 00C8
  3008: 0012 0066 0074 0202
  300A: 007B 010A 01BA 01D0 021C 0322 033A 034A 0402 0422 0730
  4010: 1013 1068 1078
Z retainDeviceIdentity=K
  3002: 0020
D
  0072: 0008
D cleanDescriptors=C
  0018: 9080 9175 9433 9528 9531 9901 9908 990A 990F 9910 9917 9923 9924 9941
  0022: 1065 1066 1159 1616
  0028: 0A04 6022
  0046: 0012
  0048: 0107
  0050: 001E
  0062: 0020
  0066: 000B 0107
  0068: 6280 6345 6540
  0070: 030F 1A09
  0072: 0004
  0082: 0003 000A 0033 0037
  3010: 0005 0086
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
