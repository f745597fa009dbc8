export type { TestCookie } from './cookie-jar.ts'
export type { Duration } from './duration.ts'
export type {
  CustomFault,
  Fault,
  FaultName,
  FaultOptions,
  Faults,
  FaultTarget,
  RandomFaults,
} from './faults.ts'
export { type PersonOptions, testPassword } from './people.ts'
export type { Refused } from './replies.ts'
export type { SignInOptions, TestClientRegistration, TestSession } from './sign-ins.ts'
export type { TestBrowser, TestClient, TestClientOptions } from './test-browser.ts'
export type { TestClock } from './test-clock.ts'
export {
  createTestIssuer,
  type TestIssuer,
  type TestKeyRotation,
  type TestVerifierOptions,
} from './test-issuer.ts'
export type { TestIssuerOptions } from './test-issuer-options.ts'
export { testSecret } from './test-secret.ts'
export type { Exchange, Handler } from './transport.ts'
