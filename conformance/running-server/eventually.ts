import { vi } from 'vitest'

/** Waits for something that happens beside the request (a delivery, a signal): tries an assertion until it holds. */
export async function eventually<Value>(assertion: () => Value): Promise<Value> {
  return vi.waitFor(assertion, { timeout: 15_000, interval: 25 })
}
