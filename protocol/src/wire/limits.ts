/** What one frame may cost a reader before it has looked inside. */
export interface WireLimits {
  /** Most bytes of a frame's header. A method name of 255 bytes and room for fields of later versions. */
  readonly headerBytes: number
  /** Most bytes of a frame's body. Larger values travel on a stream of their own (transfer frames). */
  readonly bodyBytes: number
}

/** @default 4 KiB of header; 1 MiB of body: one link's partial frame never holds more memory than this. */
export const wireLimits: WireLimits = { headerBytes: 4 * 1024, bodyBytes: 1024 * 1024 }

/** Most bytes of a message that one data frame carries; longer messages take several. */
export const dataBytes = 64 * 1024

/** What a data frame takes of the credit beside its bytes, so that empty messages are bounded, too. */
export const dataFrameCost = 32

/** Credit that a sender may have at most: more is malformed, as no sender can mean a sum over 2^31. */
export const maxCredit = 0x7fff_ffff

/** Bytes before the header: u32 length, u8 type, u8 flags, u16 header length, u32 id. */
export const preambleBytes = 12

/** Bytes of the length field itself, which `length` does not count. */
export const lengthBytes = 4

/** Most bytes of a method name: its length is one byte. */
export const methodBytes = 255

/** Largest remaining time a request can carry, in ms (49.7 days). */
export const maxTimeoutMs = 0xffff_ffff
