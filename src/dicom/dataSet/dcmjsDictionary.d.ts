/** The dictionary of dcmjs (PS3.6), which comes without types. */
declare module 'dcmjs/dictionary' {
  /** By `(gggg,eeee)`, in which `6000-60FF` stands for a range and `(0009,"CREATOR",00)` for a private element. */
  const dictionary: Record<string, { tag: string; vr?: string; name: string; vm: string; version: string }>;
  export default dictionary;
}
