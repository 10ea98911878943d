/**
 * Distils Docker's API description (a Swagger file, which is no part of this repository) into the facts that
 * the generator of hostile requests works from: method, path, parameters, the types of each body.
 *
 *     bun scripts/distil-api.ts docker-engine-api-1.56.yaml >tests/support/api/testdata/operations.json
 */

interface Schema {
  type?: string;
  $ref?: string;
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
}

interface Parameter extends Schema {
  name: string;
  in: string;
  schema?: Schema;
}

interface Document {
  definitions: Record<string, Schema>;
  paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
}

/** A type's name; "@Name" for a definition; `[item]`, `{"*": value}`, or an object of fields. */
type Shape = string | [Shape] | { [field: string]: Shape };

const used = new Map<string, Shape>();

function toShape(schema: Schema, document: Document): Shape {
  if (schema.$ref !== undefined) return define(schema.$ref.replace("#/definitions/", ""), document);
  const fields = fieldsOf(schema, document);
  if (Object.keys(fields).length > 0) return fields;
  if (schema.allOf?.length === 1 && schema.allOf[0]) return toShape(schema.allOf[0], document);
  if (schema.type === "array") return [toShape(schema.items ?? {}, document)];
  if (typeof schema.additionalProperties === "object")
    return { "*": toShape(schema.additionalProperties, document) };
  return schema.type ?? "object";
}

function fieldsOf(schema: Schema, document: Document): { [field: string]: Shape } {
  const inherited = (schema.allOf ?? []).map((part) => {
    const target = part.$ref?.replace("#/definitions/", "");
    return fieldsOf(target === undefined ? part : (document.definitions[target] ?? {}), document);
  });
  const own = Object.entries(schema.properties ?? {});
  return Object.assign(
    {},
    ...inherited,
    Object.fromEntries(own.map(([name, field]) => [name, toShape(field, document)])),
  );
}

function define(name: string, document: Document): string {
  if (!used.has(name)) {
    used.set(name, "object");
    used.set(name, toShape(document.definitions[name] ?? {}, document));
  }
  return `@${name}`;
}

export {};

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error("usage: distil-api.ts API.yaml");
const document = Bun.YAML.parse(await Bun.file(source).text()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { parameters = [] }]) => {
    const body = parameters.find((each) => each.in === "body");
    return {
      ...{ method: method.toUpperCase(), path },
      parameters: parameters
        .filter((each) => each.in !== "body")
        .map(({ name, in: place, type = "string" }) => ({ name, in: place, type })),
      ...(body?.schema === undefined ? {} : { body: toShape(body.schema, document) }),
    };
  }),
);
const lines = (values: [string, unknown][]) =>
  values.map(([name, value]) => `${name}${JSON.stringify(value)}`).join(",\n");
const definitions = [...used]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, shape]): [string, Shape] => [`"${name}":`, shape]);
console.log(`{"operations":[\n${lines(operations.map((each) => ["", each]))}\n],
"definitions":{\n${lines(definitions)}\n}}`);
