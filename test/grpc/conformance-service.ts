/** The service of the conformance suite: it answers as each request says, and reports what it received. */
import { setTimeout as pause } from 'node:timers/promises'

import { create, type DescMessage, type DescService, type Message } from '@bufbuild/protobuf'
import { anyPack, type Any } from '@bufbuild/protobuf/wkt'
import { ConnectError, type Code, type ConnectRouter, type HandlerContext } from '@connectrpc/connect'

interface Header {
  readonly name: string
  readonly value: readonly string[]
}

interface WantedError {
  readonly code: Code
  readonly message?: string
  readonly details: readonly Any[]
}

/** Of unary methods `response`, of those that stream `responseData` and `error`. */
interface Definition {
  readonly responseHeaders: readonly Header[]
  readonly responseTrailers: readonly Header[]
  readonly responseDelayMs: number
  readonly response:
    { case: 'responseData'; value: Uint8Array } | { case: 'error'; value: WantedError } | { case: undefined }
  readonly responseData: readonly Uint8Array[]
  readonly error?: WantedError
}

type Request = Message & { readonly responseDefinition?: Definition; readonly fullDuplex?: boolean }
type TypeOf = (name: string) => DescMessage

export const conformanceService =
  (service: DescService, typeOf: TypeOf) =>
  (router: ConnectRouter): void => {
    const methods = new Methods(typeOf)
    router.service(service, {
      unary: (request: Request, context: HandlerContext) => methods.unary(request, context),
      idempotentUnary: (request: Request, context: HandlerContext) => methods.unary(request, context),
      clientStream: (requests: AsyncIterable<Request>, context: HandlerContext) =>
        methods.clientStream(requests, context),
      serverStream: (request: Request, context: HandlerContext) => methods.serverStream(request, context),
      bidiStream: (requests: AsyncIterable<Request>, context: HandlerContext) =>
        methods.bidiStream(requests, context),
    } as object)
  }

class Methods {
  readonly #typeOf: TypeOf

  constructor(typeOf: TypeOf) {
    this.#typeOf = typeOf
  }

  unary(request: Request, context: HandlerContext): Promise<object> {
    return this.#answer(request.responseDefinition, [request], context)
  }

  async clientStream(requests: AsyncIterable<Request>, context: HandlerContext): Promise<object> {
    const all: Request[] = []
    for await (const request of requests) all.push(request)
    return this.#answer(all[0]?.responseDefinition, all, context)
  }

  async *serverStream(request: Request, context: HandlerContext): AsyncGenerator<object, void, undefined> {
    yield* this.#send(begun(request.responseDefinition, context), 0, [request], context)
  }

  async *bidiStream(
    requests: AsyncIterable<Request>,
    context: HandlerContext,
  ): AsyncGenerator<object, void, undefined> {
    let definition: Definition | undefined
    let isFullDuplex = false
    let received = 0
    let sent = 0
    let unreported: Request[] = []
    for await (const request of requests) {
      if (received++ === 0) {
        definition = begun(request.responseDefinition, context)
        isFullDuplex = request.fullDuplex ?? false
      }
      unreported.push(request)
      if (!isFullDuplex) continue
      const data = definition?.responseData[sent]
      if (definition === undefined || data === undefined) break
      await pause(definition.responseDelayMs)
      yield this.#payload(data, unreported, sent === 0 ? context : undefined)
      sent++
      unreported = []
    }
    yield* this.#send(definition, sent, unreported, context)
  }

  async #answer(
    definition: Definition | undefined,
    requests: readonly Request[],
    context: HandlerContext,
  ): Promise<object> {
    begun(definition, context)
    await pause(definition?.responseDelayMs ?? 0)
    const response = definition?.response
    if (response?.case === 'error') throw this.#failure(response.value, requests, context)
    return this.#payload(
      response?.case === 'responseData' ? response.value : new Uint8Array(),
      requests,
      context,
    )
  }

  /** The rest of a stream. */
  async *#send(
    definition: Definition | undefined,
    from: number,
    requests: readonly Request[],
    context: HandlerContext,
  ): AsyncGenerator<object, void, undefined> {
    let sent = from
    for (const data of definition?.responseData.slice(from) ?? []) {
      await pause(definition?.responseDelayMs ?? 0)
      yield sent++ === 0 ? this.#payload(data, requests, context) : { payload: { data } }
    }
    if (definition?.error !== undefined)
      throw this.#failure(definition.error, requests, sent === 0 ? context : undefined)
  }

  /** @param context of the first message: it reports the head of the request too */
  #payload(data: Uint8Array, requests: readonly Request[], context?: HandlerContext): object {
    return { payload: { data, requestInfo: this.#received(requests, context) } }
  }

  #failure(
    { code, message = '', details }: WantedError,
    requests: readonly Request[],
    context?: HandlerContext,
  ) {
    const error = new ConnectError(message, code)
    error.details = details.map(({ typeUrl, value }) => ({ type: typeUrl.replace(/^.*\//, ''), value }))
    if (context !== undefined) {
      const desc = this.#typeOf('ConformancePayload.RequestInfo')
      error.details.push({ desc, value: this.#received(requests, context) })
    }
    return error
  }

  #received(messages: readonly Request[], context?: HandlerContext): Message {
    const requests = messages.map(message => anyPack(typeIn(this.#typeOf, message), message))
    const head = context === undefined ? {} : headOf(context)
    return create(this.#typeOf('ConformancePayload.RequestInfo'), { requests, ...head } as Record<
      string,
      unknown
    >)
  }
}

const typeIn = (typeOf: TypeOf, { $typeName }: Message): DescMessage =>
  typeOf($typeName.replace('connectrpc.conformance.v1.', ''))

function begun(definition: Definition | undefined, context: HandlerContext): Definition | undefined {
  append(context.responseHeader, definition?.responseHeaders)
  append(context.responseTrailer, definition?.responseTrailers)
  return definition
}

function append(to: Headers, headers: readonly Header[] = []): void {
  for (const { name, value } of headers) for (const each of value) to.append(name, each)
}

function headOf({ requestHeader, timeoutMs, requestMethod, url }: HandlerContext): object {
  const requestHeaders = [...requestHeader].map(([name, value]) => ({ name, value: value.split(/,\s*/) }))
  const left = timeoutMs()
  const { searchParams } = new URL(url)
  const queryParams = [...new Set(searchParams.keys())].map(name => ({
    name,
    value: searchParams.getAll(name),
  }))
  return {
    requestHeaders,
    ...(left !== undefined && { timeoutMs: BigInt(Math.max(0, Math.round(left))) }),
    ...(requestMethod === 'GET' && { connectGetInfo: { queryParams } }),
  }
}
