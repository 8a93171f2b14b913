// What no caller may write: the compiler refuses each of these, or the types say nothing.
import type { components, paths } from "./schema.js";
import { row } from "./asked.js";

type Row = components["schemas"]["Row"];

// @ts-expect-error there is no such field
export const unknown: Row = { ...row, no_such_field: 1 };
// @ts-expect-error each row has fields that it needs
export const empty: Row = {};
// @ts-expect-error a prediction is of the model's type
export const prediction: components["schemas"]["Prediction"] = Symbol("nothing");
// @ts-expect-error there is no such path
export type Nothing = paths["/nothing"];
