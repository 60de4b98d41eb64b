"""The variables of a TFLite file, read and set once by each signature: both copy them whole."""

from ai_edge_litert import schema_py_generated as schema

from . import flatbuffer

BUILTIN = schema.BuiltinOperator


def once(content):
    """A TFLite file, as bytes, in which what is known of a variable is not read again, nor set to be set again."""
    model = flatbuffer.unpacked(content)
    codes = flatbuffer.codes(model)
    for graph in model.subgraphs:
        needless = _needless(graph, codes)
        graph.operators = [operation for i, operation in enumerate(graph.operators) if i not in needless]
    return flatbuffer.packed(model)


def _needless(graph, codes):
    """The operations, by number, that copy a variable for nothing; others take what is known in place of a read."""
    names, known, unread, same, needless = {}, {}, {}, {}, set()
    for number, operation in enumerate(graph.operators):
        inputs = operation.inputs = [same.get(tensor, tensor) for tensor in map(int, operation.inputs)]
        match codes[operation.opcodeIndex]:
            case BUILTIN.VAR_HANDLE:
                options = operation.builtinOptions
                names[int(operation.outputs[0])] = options.container, options.sharedName
            case BUILTIN.READ_VARIABLE:
                variable, value = names.get(inputs[0], inputs[0]), int(operation.outputs[0])
                if variable in known and value not in graph.outputs:
                    same[value] = known[variable]
                    needless.add(number)
                else:
                    known[variable] = value
                    unread.pop(variable, None)
            case BUILTIN.ASSIGN_VARIABLE:
                variable = names.get(inputs[0], inputs[0])
                if variable in unread:
                    needless.add(unread[variable])
                known[variable], unread[variable] = inputs[1], number
            case BUILTIN.IF | BUILTIN.WHILE | BUILTIN.CALL_ONCE:  # which may read and set variables themselves
                known, unread = {}, {}
    return needless
