/** Names a token to people: the first 16 characters of its secret's hash, of no use to join with. */
export const tokenId = (hash: string): string => hash.slice(0, 16)
