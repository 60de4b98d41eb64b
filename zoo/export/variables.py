"""The variables of a TFLite file, read and set once by each signature: both copy them whole."""

from ai_edge_litert import schema_py_generated as schema

from . import flatbuffer

BUILTIN = schema.BuiltinOperator
ELSEWHERE = BUILTIN.IF, BUILTIN.WHILE, BUILTIN.CALL_ONCE  # operations that may read and set variables themselves


def once(content):
    """A TFLite file, as bytes, in which what is known of a variable is not read again, nor set to be set again."""
    model = flatbuffer.unpacked(content)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    for graph in model.subgraphs:
        graph.operators = list(_kept(graph, codes))
    return flatbuffer.packed(model)


def _kept(graph, codes):
    """The operations of a graph without those that copy a variable for nothing."""
    names, known, unread, same, needless = {}, {}, {}, {}, set()
    for number, operation in enumerate(graph.operators):
        operation.inputs = [same.get(tensor, tensor) for tensor in map(int, operation.inputs)]
        code, variable = codes[operation.opcodeIndex], None
        if code == BUILTIN.VAR_HANDLE:
            options = operation.builtinOptions
            names[int(operation.outputs[0])] = options.container, options.sharedName
        elif code in (BUILTIN.READ_VARIABLE, BUILTIN.ASSIGN_VARIABLE):
            variable = names.get(operation.inputs[0], operation.inputs[0])
        elif code in ELSEWHERE:
            known, unread = {}, {}
        if code == BUILTIN.ASSIGN_VARIABLE:
            needless.add(unread.get(variable))
            known[variable], unread[variable] = operation.inputs[1], number
        elif code == BUILTIN.READ_VARIABLE:
            value = int(operation.outputs[0])
            if variable in known and value not in graph.outputs:
                same[value] = known[variable]
                needless.add(number)
            else:
                known[variable] = value
                unread.pop(variable, None)
    return (operation for number, operation in enumerate(graph.operators) if number not in needless)
