import { ApiGatewayManagementApi, GoneException } from '@aws-sdk/client-apigatewaymanagementapi'

/** Sends text to connections of the WebSocket API. */
export interface Pusher {
  /** @returns false when the connection has ended */
  push(connection: string, text: string): Promise<boolean>
  close(connection: string): Promise<void>
}

/** Largest message that API Gateway accepts, bytes. */
export const pushBytes = 128 * 1024

export function apiGatewayPusher(endpoint: string): Pusher {
  const client = new ApiGatewayManagementApi({ endpoint })
  const unlessGone = async (work: Promise<unknown>): Promise<boolean> => {
    try {
      await work
      return true
    } catch (error) {
      if (error instanceof GoneException) return false
      throw error
    }
  }
  return {
    push: (ConnectionId, text) =>
      unlessGone(client.postToConnection({ ConnectionId, Data: new TextEncoder().encode(text) })),
    close: async ConnectionId => void (await unlessGone(client.deleteConnection({ ConnectionId }))),
  }
}
