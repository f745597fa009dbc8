/**
 * Member of a published key (RFC 7517 section 4) that says, with the value `true`, that the key is one for tests: its
 * issuer runs on a secret that everybody can read. Verifiers refuse a key set that holds one unless they are told to.
 */
export const testKeyMember = 'pawl_test_key'
