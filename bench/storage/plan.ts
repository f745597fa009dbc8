/** How much is measured. */
export interface Plan {
  /** Sessions whose size is taken. */
  readonly sessions: number
  /**
   * How many of them, drawn by chance, are refreshed again and again. A page has room for new versions of a few of its
   * sessions, not of all at one instant, so it matters that few of them are under way at a time, as in life. With 3,000 of
   * 100,000, refreshed as fast as can be, a page still sees some dozen times as many refreshes.
   */
  readonly refreshedSessions: number
  /** How often each of them. */
  readonly refreshes: number
  /** How many refreshes are under way at a time. */
  readonly atATime: number
}
