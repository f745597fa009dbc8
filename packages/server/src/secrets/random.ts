/** Source of unguessable bytes. An argument wherever it is used, so that tests and the simulation can seed it. */
export type Random = (bytes: number) => Uint8Array

/** The instant in milliseconds since 1970, by whatever clock the caller was given. */
export type Clock = () => number
