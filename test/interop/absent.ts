/** Why a place in the table is empty although nothing failed: what a peer does not have, and peers that cannot be had. */
export const absent: Readonly<Record<string, string>> = {
  'DCMTK storescu commitment': 'the DCMTK of Debian has no storage commitment SCU',
  'DCMTK dcmsend C-ECHO': 'it only stores',
  'DCMTK dcmsend commitment': 'it only stores',
  'GDCM gdcmscu commitment': 'it has none',
  'CTN commitment': 'its storage_commit asks for what is in a MySQL database of its own archive',
  'PixelMed commitment': 'it has none',
  'rawstore commitment': 'it has none',
  dcm4che: 'not installed: in neither Debian 12 nor the npm registry',
};
