/** First byte of each message of the callee: where the bytes behind it were written. */
export const outputs = { stdout: 1, stderr: 2 } as const
