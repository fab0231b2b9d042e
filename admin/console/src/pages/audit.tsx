import type { VNode } from "preact";
import { Header } from "../ui";
export const Audit = (): VNode => <Header title="Audit log" />;
