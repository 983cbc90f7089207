/** The one file of the command that talks to CloudFormation; stacks of the CDK are deployed by the CDK. */
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  paginateListStackResources,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation'
import { MeshError } from '@agent-mesh/protocol/errors'

import { commandDefaults } from '../defaults.ts'

/** The outputs of a stack. @throws MeshError not_found without such a stack, unavailable when AWS does not answer */
export const readOutputs = (stack: string): Promise<Map<string, string>> =>
  reading(stack, async client => {
    const { Stacks: [found] = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }))
    return new Map(found?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
  })

/** As {@link readOutputs}; none when there is no such stack. @throws MeshError unavailable when AWS does not answer */
export const outputsOf = (stack: string): Promise<Map<string, string>> =>
  readOutputs(stack).catch((error: unknown) => unlessMissing(error, new Map<string, string>()))

/** @throws MeshError unavailable when AWS does not answer */
export const stackExists = (stack: string): Promise<boolean> =>
  readOutputs(stack).then(
    () => true,
    (error: unknown) => unlessMissing(error, false),
  )

/** How many resources a stack has; 0 when there is none. @throws MeshError unavailable when AWS does not answer */
export const resourcesOf = (stack: string): Promise<number> =>
  reading(stack, async client => {
    let resources = 0
    for await (const page of paginateListStackResources({ client }, { StackName: stack }))
      resources += page.StackResourceSummaries?.length ?? 0
    return resources
  }).catch((error: unknown) => unlessMissing(error, 0))

/** The region of the requests. @throws MeshError invalid_argument when none is set */
export async function regionInUse(): Promise<string> {
  const client = new CloudFormationClient()
  try {
    return await client.config.region()
  } catch (cause) {
    throw new MeshError('invalid_argument', 'Cannot deploy: no region is set', {
      cause,
      hint: 'Pass --region, or set AWS_REGION.',
    })
  } finally {
    client.destroy()
  }
}

function unlessMissing<T>(error: unknown, value: T): T {
  if (error instanceof MeshError && error.code === 'not_found') return value
  throw error
}

async function reading<T>(stack: string, ask: (client: CloudFormationClient) => Promise<T>): Promise<T> {
  const client = new CloudFormationClient()
  try {
    return await ask(client)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const missing = reason.includes('does not exist')
    throw new MeshError(missing ? 'not_found' : 'unavailable', `Cannot read stack ${stack}: ${reason}`, {
      cause,
      hint: missing
        ? 'Check the name, the region (AWS_REGION) and the account.'
        : 'Check the credentials (AWS_PROFILE or AWS_ACCESS_KEY_ID) and the region (AWS_REGION).',
    })
  } finally {
    client.destroy()
  }
}

export interface PutStackInit {
  stack: string
  template: object
  /** Undefined: as it is. */
  parameters: Record<string, string | undefined>
  signal: AbortSignal
}

/**
 * Makes or changes a small stack whose parameters are secrets, which the CDK would take as arguments.
 * @throws MeshError unavailable with CloudFormation's reason
 */
export async function putStack({ stack, template, parameters, signal }: PutStackInit): Promise<void> {
  await asking(`write stack ${stack}`, async client => {
    const wanted = {
      StackName: stack,
      TemplateBody: JSON.stringify(template),
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ...(ParameterValue === undefined ? { UsePreviousValue: true } : { ParameterValue }),
      })),
    }
    const abortSignal = signal
    const waiting = { client, maxWaitTime: commandDefaults.smallStackMs / 1_000, abortSignal }
    const exists = await client.send(new DescribeStacksCommand({ StackName: stack }), { abortSignal }).then(
      () => true,
      (error: unknown) => {
        if (String(error).includes('does not exist')) return false
        throw error
      },
    )
    if (exists) {
      await client.send(new UpdateStackCommand(wanted), { abortSignal })
      await waitUntilStackUpdateComplete(waiting, { StackName: stack })
    } else {
      await client.send(new CreateStackCommand({ ...wanted, OnFailure: 'DELETE' }), { abortSignal })
      await waitUntilStackCreateComplete(waiting, { StackName: stack })
    }
  })
}

/** Deletes the stack; a missing one counts as deleted. @throws MeshError unavailable */
export async function deleteStack(stack: string, signal: AbortSignal): Promise<void> {
  await asking(`delete stack ${stack}`, async client => {
    await client.send(new DeleteStackCommand({ StackName: stack }), { abortSignal: signal })
    const waiting = { client, maxWaitTime: commandDefaults.smallStackMs / 1_000, abortSignal: signal }
    await waitUntilStackDeleteComplete(waiting, { StackName: stack })
  })
}

async function asking(action: string, ask: (client: CloudFormationClient) => Promise<void>): Promise<void> {
  const client = new CloudFormationClient()
  try {
    await ask(client)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('unavailable', `Cannot ${action}: ${reason}`, {
      cause,
      hint: 'CloudFormation shows the events of the stack. Credentials: AWS_PROFILE or AWS_ACCESS_KEY_ID; region: AWS_REGION.',
    })
  } finally {
    client.destroy()
  }
}
