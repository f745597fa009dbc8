/** Where a copy of the store is to go. */
export interface BackupTarget {
  /** Path of the file that is made. */
  readonly file: string
  /** Whether a file that is there is replaced; default false. */
  readonly replace?: boolean
  /** Paths of files that are never replaced, besides those of the store itself. */
  readonly spare?: readonly string[]
}

/** Outcome of copying the store into a file. */
export type BackupOutcome =
  | {
      readonly outcome: 'written'
      /** Size of the copy. */
      readonly bytes: number
      /**
       * Instant of the store, in milliseconds since 1970: whatever happened before is in the copy. Of what happened later
       * some may be, too.
       */
      readonly holdsUntil: number
    }
  /** There is nothing to copy: no server has started on this data yet, or it is kept elsewhere. */
  | { readonly outcome: 'no_store'; readonly store: string }
  /** There is a file of that name, and it was not to be replaced. */
  | { readonly outcome: 'exists' }
  /** What is there is a directory or a device, and is never replaced. */
  | { readonly outcome: 'no_file' }
  /** That file is a part of the store, or one to be spared. */
  | { readonly outcome: 'is_the_store' }
  /** The folder is not there, cannot be written, or is full. */
  | { readonly outcome: 'unwritable'; readonly cause: string }
  /** The copy did not pass the engine's check, and was thrown away. */
  | { readonly outcome: 'damaged'; readonly findings: readonly string[] }

/** What an engine can do that has no tools of its own for backups. */
export interface BackupPort {
  /**
   * Works on a store that is not open. Writes a copy of everything, as of one instant, while others go on writing. The copy is checked and on the disk
   * before it gets its name, and only its owner can read it. The check keeps this process busy for as long as it takes.
   */
  backUp(target: BackupTarget): Promise<BackupOutcome>
}
