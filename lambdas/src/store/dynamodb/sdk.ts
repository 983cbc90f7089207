/**
 * The one file that knows the DynamoDB client. One function for each request, so that a bundle holds only those that it sends; what
 * errors mean is asked here as well.
 */
import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  type AttributeValue,
  type BatchGetItemInput,
  type ConsumedCapacity,
  type CreateTableInput,
  type DeleteItemInput,
  type DynamoDBClientConfig,
  type GetItemInput,
  type PutItemInput,
  type QueryInput,
  type TransactWriteItem,
  type TransactWriteItemsInput,
  type UpdateItemInput,
  type UpdateTimeToLiveInput,
} from '@aws-sdk/client-dynamodb'

export type { AttributeValue, ConsumedCapacity, TransactWriteItem }
export type Client = DynamoDBClient

export const newClient = (config: DynamoDBClientConfig): Client => new DynamoDBClient(config)

export const getItem = (client: Client, input: GetItemInput) => client.send(new GetItemCommand(input))
export const batchGetItem = (client: Client, input: BatchGetItemInput) =>
  client.send(new BatchGetItemCommand(input))
export const query = (client: Client, input: QueryInput) => client.send(new QueryCommand(input))
export const putItem = (client: Client, input: PutItemInput) => client.send(new PutItemCommand(input))
export const updateItem = (client: Client, input: UpdateItemInput) =>
  client.send(new UpdateItemCommand(input))
export const deleteItem = (client: Client, input: DeleteItemInput) =>
  client.send(new DeleteItemCommand(input))
export const transactWriteItems = (client: Client, input: TransactWriteItemsInput) =>
  client.send(new TransactWriteItemsCommand(input))

export const describeTable = (client: Client, table: string) =>
  client.send(new DescribeTableCommand({ TableName: table }))
export const createTable = (client: Client, input: CreateTableInput) =>
  client.send(new CreateTableCommand(input))
export const updateTimeToLive = (client: Client, input: UpdateTimeToLiveInput) =>
  client.send(new UpdateTimeToLiveCommand(input))
/** @param seconds to wait at most */
export const tableExists = (client: Client, table: string, seconds: number) =>
  waitUntilTableExists({ client, maxWaitTime: seconds }, { TableName: table })

/** The condition of a single write does not hold. */
export const isConditionFailure = (cause: unknown): boolean =>
  cause instanceof ConditionalCheckFailedException

/** A condition of a transaction does not hold. */
export const isRefusedTransaction = (cause: unknown): boolean =>
  cause instanceof TransactionCanceledException &&
  (cause.CancellationReasons ?? []).some(({ Code }) => Code === 'ConditionalCheckFailed')

export const isTableMissing = (cause: unknown): boolean => cause instanceof ResourceNotFoundException
export const isTableThere = (cause: unknown): boolean => cause instanceof ResourceInUseException
