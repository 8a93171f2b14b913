// Predict by the types of openapi-typescript, and print what openapi-fetch gives. The test writes asked.ts beside it.
import createClient from "openapi-fetch";
import { model, row, tensors, wrong } from "./asked.js";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };
type Answer = components["schemas"]["Answer"];

const client = createClient<paths>({ baseUrl: process.argv[2] });

async function predict(body: components["schemas"]["RowOrRows"]): Promise<Answer["prediction"]> {
  const { data, error } = await client.POST("/predict", { body });
  if (error) throw new Error(error.error.message);
  return data.prediction;
}

const refused = await client.POST("/predict", { body: [row, row, row] });
const params = { path: { model } };
const inferred = await client.POST("/v2/models/{model}/infer", { params, body: tensors });
const mistaken = await client.POST("/v2/models/{model}/infer", { params, body: wrong });
const instances = await client.POST("/v1/models/{model}:predict", { params, body: { instances: [row] } });
console.log(JSON.stringify({
  row: await predict(row),
  rows: await predict([row, row]),
  instances: instances.data?.predictions,
  outputs: inferred.data?.outputs.map((each) => each.name),
  refused: [refused.error?.error.code, mistaken.error?.error],
}));
