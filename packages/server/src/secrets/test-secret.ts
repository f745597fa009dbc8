/**
 * Id of the secret that `@pawl/test-kit` publishes. Everybody can read it and, with it, forge whatever rests on it:
 * production refuses it, and keys sealed under it are published as keys for tests.
 */
export const testSecretId = 'nIj3kccKuVA'
