/**
 * Of DICOM PS3.15 2026d, table E.1-1 (part15, chapter_E), the attributes that the Basic Profile empties, replaces or, as the IOD allows, removes.
 * A line with the action of the Basic Profile and those of options is followed by the tags it holds for: a group, its elements.
 * `dates` stands for retainFullDates=K retainModifiedDates=C. Read by profileTable.ts.
 */
export const replacedAttributes = `
X/Z
  2200: 0005
  300E: 0008
X/Z retainPatientCharacteristics=K
  0010: 2203
X/Z cleanDescriptors=C
  0032: 1060
  2200: 0002
X/Z cleanStructuredContent=C
  0040: 0555
X/Z dates
  0008: 0022 0032
X/Z retainUids=K
  0008: 1110
X/Z retainDeviceIdentity=K
  3008: 0105
  300A: 00B2
X/D
  0008: 1072
X/D cleanDescriptors=C
  0018: 1030 1400
  3010: 0056 0077
X/D cleanStructuredContent=C
  0040: B020
X/D dates
  0008: 0012 0021 0031
  0018: 9516 9517
  0040: A032
  3008: 0054 0056 0250 0251
  300A: 0006 0007
  3010: 004C 004D
X/D retainDeviceIdentity=K
  0018: 700A
X/D retainDeviceIdentity=K dates
  0018: 700C 700E
X/Z/D
  0008: 1070
X/Z/D retainInstitutionIdentity=K
  0008: 0080 0082
X/Z/D dates
  0008: 0013 002A
X/Z/D retainUids=K
  0008: 1111
X/Z/D retainDeviceIdentity=K
  0008: 1010
  0018: 1000
X/Z/U* retainUids=K
  0008: 1140 2112
Z
  0008: 0050 0090 009C
  0010: 0010 0030
  0012: 0021 0050
  0020: 0010
  0040: 0513 0562 2016 2017 A088
  3006: 00A6
  300A: 0611 0615
  3010: 001B
Z retainPatientCharacteristics=K
  0010: 0040
Z cleanDescriptors=C
  3006: 0026
  300A: 067D
  3010: 000F 0017 005A 005C 007A 007B 007F 0081
Z retainInstitutionIdentity=K
  0012: 0030 0031 0060
  0400: 0564
Z cleanStructuredContent=C
  0040: 0610
Z dates
  0008: 0020 0030
  0040: A082
  3006: 0008 0009
  300E: 0004 0005
Z retainDeviceIdentity=K
  3010: 0043
Z retainDeviceIdentity=K dates
  0018: 1203
Z/D
  0010: 0020
  0070: 0084
Z/D cleanDescriptors=C
  0018: 0010
Z/D dates
  0008: 0023 0033
  0018: 9919
D
  0012: 0010 0020 0040 0042
  0034: 0001 0002 0005
  0040: 0512 0551 1101 A027 A073 A075 A123
  0042: 0011
  0072: 0065 006A 006D 0071
  0400: 0115
D retainDeviceIdentity=C
  0072: 005E
  2100: 0140
D retainPatientCharacteristics=K
  0072: 005F
D cleanDescriptors=C
  0018: 11BB
  006A: 0005
  0070: 0006
  0072: 0066 0068 006C 006E 0070
  0400: 0565
  3006: 0002
  300A: 0002 0608 0619 0623 062A 067C 0734 0742 0783
  3010: 0033 0034 0035 0038 0054
D cleanGraphics=C
  0070: 0001
D retainInstitutionIdentity=K
  0012: 0081
D cleanStructuredContent=C
  0040: A730
D dates
  0008: 0106 0107
  0018: 9074 9151 9369 936A 9623 9701 9804
  0034: 0007
  003A: 0314
  0040: A030 A120 A121 A122 A13A
  0044: 0104
  0068: 6226 6270
  0072: 000A 0061 0063 006B
  0400: 0105 0562
  3008: 0024 0025 0162 0164 0166 0168
  300A: 022C 022E 0736 073A 0741 0760
D retainUids=K
  006A: 0003
D retainDeviceIdentity=K
  0018: 9367 9371
  0400: 0563
  3010: 002D
D retainDeviceIdentity=K dates
  300C: 0127
U
  0040: A124
  0400: 0100
U retainUids=K
  0000: 1001
  0002: 0003
  0004: 1511
  0008: 0014 0017 0018 0019 0058 1155 1195 3010
  0018: 2042
  0020: 000D 000E 0052 0200 9161 9164
  0028: 1199 1214
  003A: 0310
  0040: 0554 4023 A171 A172 A402 DB0C DB0D
  0062: 0021
  0064: 0003
  0070: 031A 1101 1102
  0088: 0140
  3006: 0024 00C2
  300A: 0013 0054 0083 0609 0650 0700 0785
  3010: 0006 000B 0013 0015 0031 003B 006E 006F
U retainUids=K retainDeviceIdentity=K
  0018: 1002 100B
`;
