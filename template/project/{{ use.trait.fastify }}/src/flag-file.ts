import { z } from "zod";

const flagSchema = z
  .looseObject({
    state: z.enum(["ENABLED", "DISABLED"]),
    variants: z
      .record(z.string(), z.unknown())
      .refine((variants) => Object.keys(variants).length > 0, "has none"),
    defaultVariant: z.string().nullish(),
    targeting: z.looseObject({}).optional(),
    metadata: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional(),
  })
  .refine(
    ({ defaultVariant, variants }) =>
      !defaultVariant || Object.hasOwn(variants, defaultVariant),
    "its defaultVariant is none of its variants",
  );

const fileSchema = z.looseObject({
  flags: z.record(z.string(), flagSchema),
  $evaluators: z.record(z.string(), z.unknown()).optional(),
});

type Flag = z.infer<typeof flagSchema>;

/** Flags in flagd's format, as flags.json has them. */
export type FlagFile = z.infer<typeof fileSchema>;

/** What somebody switched, by names of flags: for everybody, whatever its targeting says. */
export type Switches = Readonly<Record<string, boolean>>;

/** Throws when it is no such file. */
export function parseFlags(text: string): FlagFile {
  const { data, error } = fileSchema.safeParse(JSON.parse(text));
  if (data) return data;
  const problems = error.issues.map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );
  throw new Error(problems.join("; "));
}

/** Flags of files, of which a later one counts more, and then of switches. */
export function merged(
  files: readonly FlagFile[],
  switches: Switches,
): FlagFile {
  const flags = Object.assign({}, ...files.map((file) => file.flags)) as Record<
    string,
    Flag
  >;
  for (const [name, on] of Object.entries(switches)) {
    if (flags[name]) flags[name] = switched(flags[name], on);
  }
  const $evaluators = Object.assign(
    {},
    ...files.map((file) => file.$evaluators),
  ) as Record<string, unknown>;
  return { flags, $evaluators };
}

function switched(flag: Flag, on: boolean): Flag {
  const names = Object.keys(flag.variants);
  const variant = names.find((name) => flag.variants[name] === on);
  if (variant !== undefined) {
    return {
      ...flag,
      state: "ENABLED",
      defaultVariant: variant,
      targeting: {},
    };
  }
  // Without such a variant, off is what the code does without the flag.
  return on ? flag : { ...flag, state: "DISABLED" };
}
