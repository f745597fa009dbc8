/** What a bench is asked for. */
export interface BenchOptions {
  /** The long form. The short one ends within three minutes on two cores. */
  readonly full: boolean
  /** Writes to stdout. */
  readonly print: (text: string) => void
}

/** Figures by name; what they mean stands in the tables that were printed before. */
export interface Figures {
  readonly [name: string]: number | string | boolean | Figures
}

/** One question that is answered by measuring. */
export type Bench = (options: BenchOptions) => Promise<Figures>
