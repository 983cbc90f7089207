export type { PrivateJwk } from '@agent-mesh/protocol/private-jwk'
export { ownFolder, type OwnedFolder } from './data-folder.ts'
export { generateIdentity, identityOf, type Identity } from './identity.ts'
export { createIdentity, identityPath, loadIdentity, openIdentity } from './identity-file.ts'
