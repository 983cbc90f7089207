/** The event of the table's stream: the fields that a Lambda reads. */
export interface StreamEvent {
  Records: { dynamodb?: { Keys?: { pk?: { S?: string }; sk?: { S?: string } } } }[]
}

/** The keys that changed. */
export const changedKeys = ({ Records }: StreamEvent): { pk: string; sk: string }[] =>
  Records.map(({ dynamodb }) => ({ pk: dynamodb?.Keys?.pk?.S ?? '', sk: dynamodb?.Keys?.sk?.S ?? '' }))
