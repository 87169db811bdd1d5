/** Versions of applications: Semantic Versioning 2.0.0. Pure. */

const numeric = '(0|[1-9]\\d{0,8})';
const versionPattern = new RegExp(
  `^${numeric}\\.${numeric}\\.${numeric}(?:-((?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*))*))?$`,
);

/** Without build metadata: two versions that differ in nothing else would be the same version. */
export function isSemanticVersion(text: string): boolean {
  return text.length <= 64 && versionPattern.test(text);
}

function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => (/^\d+$/.test(text) ? Number(text) : undefined));
  if (left !== undefined && right !== undefined) return left - right;
  if (left !== undefined) return -1; // section 11: numbers come before words
  if (right !== undefined) return 1;
  return a < b ? -1 : Number(a > b);
}

/** Section 11: below 0 when `a` is the older one. Both have to be versions. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => {
    const [, major, minor, patch, early] = versionPattern.exec(text) ?? [];
    return { numbers: [major, minor, patch].map(Number), early: early?.split('.') };
  });
  for (const at of [0, 1, 2]) {
    const difference = (left?.numbers[at] ?? 0) - (right?.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  const [first, second] = [left?.early, right?.early];
  if (first === undefined || second === undefined) return Number(first === undefined) - Number(second === undefined);
  for (const [at, one] of first.entries()) {
    const other = second[at];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(one, other);
    if (difference !== 0) return difference;
  }
  return first.length - second.length;
}
