/** Work that many ask for and that is done once for all who ask while it runs. */
export interface SingleFlight {
  /** Starts the work, or joins the one that runs. */
  readonly join: () => Promise<void>
  /** Whether the work runs. */
  readonly running: () => boolean
}

/**
 * @param work must not reject; its outcome is what it leaves behind
 * @param tenure the signal that ends work begun now: whoever asks after it has fired starts anew instead of joining
 */
export function singleFlight(work: (signal: AbortSignal) => Promise<void>, tenure: () => AbortSignal): SingleFlight {
  let flight: { readonly promise: Promise<void>; readonly signal: AbortSignal } | undefined
  const running = () => flight !== undefined && !flight.signal.aborted
  return {
    running,
    join: () => {
      if (flight !== undefined && running()) return flight.promise
      const signal = tenure()
      // Begun a moment later, so that whatever the work calls at once already finds the flight to join.
      const promise = Promise.resolve()
        .then(() => work(signal))
        .finally(() => {
          if (flight?.promise === promise) flight = undefined
        })
      flight = { promise, signal }
      return promise
    },
  }
}
