/** As much of a page's global object as is used here; other runtimes have none of it. */
type ChangeListeners = (type: 'online', listener: () => void) => void
declare const addEventListener: ChangeListeners | undefined
declare const removeEventListener: ChangeListeners | undefined

/**
 * Calls the listener when the device has a network again. Only a convenience: whatever waits for one is also looked after
 * at its next use.
 *
 * @returns a function that ends it
 */
export function onNetwork(listener: () => void): () => void {
  if (typeof addEventListener !== 'undefined') addEventListener('online', listener)
  return () => {
    if (typeof removeEventListener !== 'undefined') removeEventListener('online', listener)
  }
}
