/**
 * What any schema library offers that follows Standard Schema (https://standardschema.dev), version 1, as far as Pawl uses
 * it: Zod, Valibot, ArkType and others. One schema of an application's own claims types them wherever they are read.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    /** Says whether a value is of the schema. A schema that can only answer later cannot be used for claims. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    /** For inference only; there is nothing here at run time. */
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** The claims that a schema lets through: one schema types the hook that gives them, the verifier and the tests. */
export type ClaimsOf<Schema extends StandardSchema> = Schema extends StandardSchema<infer Output> ? Output : never

/** What a schema says of a value. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

/** What is wrong with a value, and where. */
export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
