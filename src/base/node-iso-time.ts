/** @param at Unix ms @returns as `2013-05-24T00:00:00.000Z` (ISO 8601) */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}
