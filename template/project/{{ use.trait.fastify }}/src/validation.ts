import type {
  FastifyPluginAsync,
  FastifySchemaCompiler,
  FastifySerializerCompiler,
  FastifyTypeProvider,
  RawServerDefault,
} from "fastify";
import { z } from "zod";

/**
 * Types requests and replies from the Zod schemas of their route. These are held
 * to the core of Zod's types: all of z.ZodType takes the compiler a second more.
 */
interface ZodTypeProvider extends FastifyTypeProvider {
  validator: this["schema"] extends z.core.$ZodType
    ? z.output<this["schema"]>
    : unknown;
  serializer: this["schema"] extends z.core.$ZodType
    ? z.input<this["schema"]>
    : unknown;
}

export type ZodPlugin<Options extends object> = FastifyPluginAsync<
  Options,
  RawServerDefault,
  ZodTypeProvider
>;

/** An integer given as text, as in variables and query strings. */
export function integer(min: number, max: number) {
  return z
    .string()
    .refine(
      (value) =>
        /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max,
      `expected integer between ${min} and ${max}`,
    )
    .transform(Number)
    .meta({ type: "integer", minimum: min, maximum: max });
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: result.error };
  };

/** Drops fields that the response schema does not name. */
export const serializerCompiler: FastifySerializerCompiler<z.ZodType> =
  ({ schema }) =>
  (data) =>
    JSON.stringify(schema.parse(data));
