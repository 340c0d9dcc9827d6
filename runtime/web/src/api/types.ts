/** The answers of the API by the names the page uses. Nothing outside src/api reads the generated schema. */
import type { Schemas } from "./errors";

export type Pipeline = Schemas["Pipeline"];
export type PipelineSummary = Schemas["PipelineSummary"];
export type Block = Schemas["Block"];
export type BlockSource = Schemas["Source"];
export type Run = Schemas["Run"];
export type BlockRun = Schemas["BlockRun"];
export type BlockTest = Schemas["BlockTest"];
export type Attempt = Schemas["Attempt"];
export type Failure = Schemas["Failure"];
export type Session = Schemas["Session"];
export type Output = Schemas["Output"];
export type BlockOutput = Schemas["BlockOutput"];
export type LogLine = Schemas["LogLine"];
export type RetryRequest = Schemas["RetryRequest"];
export type Role = Schemas["Role"];
