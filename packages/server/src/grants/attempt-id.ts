/** An attempt id: 22 to 86 base64url characters. Everything else is refused before the store is read. */
export const attemptIdForm: RegExp = /^[A-Za-z0-9_-]{22,86}$/
