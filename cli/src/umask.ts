// Files of this process are for its owner alone: keys, databases, sockets.
const ofUser = process.umask(0o077)

/** For files that the user works with from then on, such as source code: they get the modes that an editor would give them. */
export const restoreUmask = (): void => void process.umask(ofUser)
