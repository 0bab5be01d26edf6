export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A member that is undefined is none. */
export function defined<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
