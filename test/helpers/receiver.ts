/** A system that is told of requests: a small server on this machine that remembers what came. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What came in. */
export interface Received {
  key: string
  signature: string
  body: string
  headers: Record<string, unknown>
}

/** A receiver; `answer` decides what each webhook is answered with, 204 by default. */
export interface Receiver {
  url: string
  received: Received[]
  answer: (received: Received, response: ServerResponse, request: IncomingMessage) => void
  close(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const receiver: Receiver = {
    url: '',
    received: [],
    answer: (_received, response) => void response.writeHead(204).end(),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const { headers } = request
      const received = {
        key: String(headers['idempotency-key']),
        signature: String(headers['lethe-signature']),
        body,
        headers,
      }
      receiver.received.push(received)
      receiver.answer(received, response, request)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lethe`
  return receiver
}
