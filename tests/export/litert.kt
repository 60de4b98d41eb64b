// What the snippets use of LiteRT for Android 2.3, with its names and types. This one runs nothing: it prints what it is
// told to run, and every output is the first input.
package com.google.ai.edge.litert

import android.content.res.AssetManager

enum class Accelerator { CPU }

class TensorBuffer : AutoCloseable {
    private var values = FloatArray(0)
    fun writeFloat(data: FloatArray) { values = data }
    fun readFloat(): FloatArray = values
    fun readInt(): IntArray = IntArray(values.size) { values[it].toInt() }
    override fun close() {}
}

class CompiledModel private constructor(private val name: String) : AutoCloseable {
    class Options(vararg val accelerators: Accelerator)

    fun createInputBuffer(inputName: String, signature: String? = null) = TensorBuffer()
    fun createOutputBuffer(outputName: String, signature: String? = null) = TensorBuffer()

    fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String? = null) {
        println("$name $signature ${inputs.keys} ${outputs.keys}")
        outputs.values.forEach { it.writeFloat(inputs.values.first().readFloat()) }
    }

    override fun close() {}

    companion object {
        fun create(assetManager: AssetManager, assetName: String, options: Options): CompiledModel =
            CompiledModel(assetName)
    }
}
