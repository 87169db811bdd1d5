/**
 * Attributes whose values say who somebody is, and of what kind: what an instance says of people is looked for, as words, in the
 * text that is kept, and as values, in whatever leaves (the conformance gate). Names are found by their VR, PN. Pure data.
 */
export type IdentityKind = 'id' | 'contact' | 'institution' | 'device';

const byKind: Readonly<Record<IdentityKind, readonly number[]>> = {
  id: [
    0x00080050, 0x00100020, 0x00100021, 0x00101000, 0x00101050, 0x00101090, 0x00120040, 0x00120042, 0x00200010,
    0x00380010, 0x00380060, 0x00400009, 0x00400253, 0x0040050a, 0x00400512, 0x00400551, 0x004006fa, 0x00401001,
    0x00401006, 0x00401007, 0x00402006, 0x00402007, 0x00402016, 0x00402017, 0x22000005, 0x40080040, 0x40080200,
    0x00100033,
  ],
  contact: [
    0x00080092, 0x00080094, 0x00100012, 0x00101040, 0x00102154, 0x00102155, 0x00402008, 0x00402009, 0x00402010,
    0x00402011, 0x0040a353, 0x0040a354, 0x00401102, 0x00401103, 0x00401104, 0x00380300, 0x00380400, 0x4008011a,
  ],
  institution: [
    0x00080080, 0x00080081, 0x00081040, 0x00120030, 0x00120031, 0x00120060, 0x00404036, 0x0040a027, 0x00102299,
  ],
  device: [
    0x00081010, 0x00181000, 0x0018700a, 0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x00181010, 0x00160051,
    0x00400010, 0x00400242, 0x30080105, 0x300a00b2, 0x00181003, 0x30020020,
  ],
};

export const identifyingAttributes: ReadonlyMap<number, IdentityKind> = new Map(
  (Object.entries(byKind) as [IdentityKind, readonly number[]][]).flatMap(([kind, tags]) =>
    tags.map((tag) => [tag, kind] as const),
  ),
);

/** What stands in such attributes where nobody is named, and words of our own marks (markers.ts). Folded. */
export const emptyPhrases: ReadonlySet<string> = new Set(
  `anon anonymous anonymized anonymised anonym deidentified pseudonym removed unknown text none null nil na n/a not available test
  patient name person doctor physician operator technologist hospital clinic klinik center centre department institute radiology
  radiologie station scanner male female other dummy empty default admin user system local no yes street road
  strasse city house number university medical health care group general saint sankt
  clean option retain basic application confidentiality profile pixel data graphics structured content descriptors longitudinal
  temporal information full dates modified characteristics device identity uids safe private institution medusa edge gateway
  annex dicom`
    .split(/\s+/)
    .filter(Boolean),
);
