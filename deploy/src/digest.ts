/** Of an image: it names one build permanently, where a tag may be moved. */
export const isDigest = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text)
