/**
 * The server secret of every test issuer. Being published it protects nothing: a server in production mode refuses it,
 * also among its older secrets, and marks its keys as keys for tests in any other.
 */
export const testSecret: string = Buffer.from('@pawl/test-kit: for tests, never for production').toString('base64url')
