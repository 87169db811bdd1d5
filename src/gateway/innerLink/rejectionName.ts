import { type Rejection, rejection } from '../../dicom/services/access.ts';

/** The name of a rejection in our own table, or its three numbers (PS3.8 table 9-21). */
export function rejectionName({ result, source, reason }: Rejection): string {
  const named = Object.entries(rejection).find(
    ([, known]) => known.result === result && known.source === source && known.reason === reason,
  );
  return named?.[0] ?? `${result}/${source}/${reason}`;
}
