import { limits, MeshError } from '@agent-mesh/protocol'

const tooLarge = () =>
  new MeshError('too_large', `Cannot read request: its body is over ${limits.requestBytes} bytes`)

/** The body, refused as soon as it is known to be too large. @throws MeshError too_large, invalid_argument */
export async function readBody(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > limits.requestBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > limits.requestBytes) throw tooLarge()
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    throw new MeshError('invalid_argument', 'Cannot read request: its body ended early', { cause })
  }
  return Buffer.concat(chunks)
}
