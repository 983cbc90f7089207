/** Version of this build: all workspaces carry the same one (test/house/version.test.ts holds them to it). */
export const version = '0.1.0'
