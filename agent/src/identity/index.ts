export { generateIdentity, identityOf, type Identity, type PrivateJwk } from './identity.ts'
export { createIdentity, identityPath, loadIdentity, openIdentity } from './identity-file.ts'
