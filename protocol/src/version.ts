/** Version of this build: all workspaces carry the same one (test/house checks it against package.json). */
export const version = '0.1.0'
