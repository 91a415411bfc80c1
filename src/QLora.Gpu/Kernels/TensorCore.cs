using ILGPU.Runtime.Cuda;

namespace QLora.Gpu.Kernels;

/// <summary>
/// A warp's part of a product on tensor cores (PTX ISA: ldmatrix; mma.m16n8k16 of bfloat16 with single-precision sums), for NVIDIA GPUs from compute capability 8.0 on.
/// A warp's 64 × 32 sums stay in registers declared here: what inline PTX gives back to C# goes through local memory, so nothing is given back. It takes its operands from
/// the group's memory and leaves its sums there. Registers: a, fragments of the left operand, four for each 16 rows; b, of the right one, two for each 8 columns; c, the sums,
/// four for each 16 × 8. Addresses are bytes from the beginning of the kernel's first shared array, which ILGPU names as written in <see cref="Begin"/>.
/// </summary>
internal static class TensorCore
{
    /// <summary>Declares the registers, with sums of zero. Once in a kernel, before everything else here.</summary>
    public static void Begin()
    {
        CudaAsm.Emit(".reg .u32 tile, target, left, right; .reg .b32 pair<4>; .reg .b32 a<16>; .reg .b32 b<8>; .reg .f32 c<64>;");
        CudaAsm.Emit("mov.u32 tile, __shared_alloca0;");
        CudaAsm.Emit(Clear);
    }

    /// <summary>Stores eight elements of bfloat16, two in each word.</summary>
    public static void Store(int address, uint word0, uint word1, uint word2, uint word3) =>
        CudaAsm.Emit("add.u32 target, tile, %0; st.shared.v4.b32 [target], {%1, %2, %3, %4};", address, word0, word1, word2, word3);

    /// <summary>Stores two times four numbers, rounded to bfloat16.</summary>
    public static void Store(int address, Four low, Four high) => CudaAsm.Emit(StoreRounded, address, low.At0, low.At1, low.At2, low.At3, high.At0, high.At1, high.At2, high.At3);

    /// <summary>Adds the products of one stage, the right operand's rows along the inner index.</summary>
    public static void MultiplyAddAlong(int left, int right)
    {
        CudaAsm.Emit("add.u32 left, tile, %0; add.u32 right, tile, %1;", left, right);
        CudaAsm.Emit(LoadAlong0);
        CudaAsm.Emit(MultiplyAdd);
        CudaAsm.Emit(LoadAlong1);
        CudaAsm.Emit(MultiplyAdd);
    }

    /// <summary>Adds the products of one stage, the right operand's rows across the inner index.</summary>
    public static void MultiplyAddAcross(int left, int right)
    {
        CudaAsm.Emit("add.u32 left, tile, %0; add.u32 right, tile, %1;", left, right);
        CudaAsm.Emit(LoadAcross0);
        CudaAsm.Emit(MultiplyAdd);
        CudaAsm.Emit(LoadAcross1);
        CudaAsm.Emit(MultiplyAdd);
    }

    /// <summary>Stores the sums of 16 of the warp's rows.</summary>
    /// <param name="patch">Which 16, from 0 to 3.</param>
    /// <param name="address">The lane's place in them.</param>
    public static void StoreSums(int patch, int address)
    {
        if (patch == 0) CudaAsm.Emit(StoreSums0, address);
        else if (patch == 1) CudaAsm.Emit(StoreSums1, address);
        else if (patch == 2) CudaAsm.Emit(StoreSums2, address);
        else CudaAsm.Emit(StoreSums3, address);
    }

    // Inline PTX must be a constant; the numbers in it are those of TensorTile.
    private const string Clear = """
        mov.f32 c0, 0f00000000; mov.f32 c1, 0f00000000; mov.f32 c2, 0f00000000; mov.f32 c3, 0f00000000; mov.f32 c4, 0f00000000; mov.f32 c5, 0f00000000; mov.f32 c6, 0f00000000; mov.f32 c7, 0f00000000;
        mov.f32 c8, 0f00000000; mov.f32 c9, 0f00000000; mov.f32 c10, 0f00000000; mov.f32 c11, 0f00000000; mov.f32 c12, 0f00000000; mov.f32 c13, 0f00000000; mov.f32 c14, 0f00000000; mov.f32 c15, 0f00000000;
        mov.f32 c16, 0f00000000; mov.f32 c17, 0f00000000; mov.f32 c18, 0f00000000; mov.f32 c19, 0f00000000; mov.f32 c20, 0f00000000; mov.f32 c21, 0f00000000; mov.f32 c22, 0f00000000; mov.f32 c23, 0f00000000;
        mov.f32 c24, 0f00000000; mov.f32 c25, 0f00000000; mov.f32 c26, 0f00000000; mov.f32 c27, 0f00000000; mov.f32 c28, 0f00000000; mov.f32 c29, 0f00000000; mov.f32 c30, 0f00000000; mov.f32 c31, 0f00000000;
        mov.f32 c32, 0f00000000; mov.f32 c33, 0f00000000; mov.f32 c34, 0f00000000; mov.f32 c35, 0f00000000; mov.f32 c36, 0f00000000; mov.f32 c37, 0f00000000; mov.f32 c38, 0f00000000; mov.f32 c39, 0f00000000;
        mov.f32 c40, 0f00000000; mov.f32 c41, 0f00000000; mov.f32 c42, 0f00000000; mov.f32 c43, 0f00000000; mov.f32 c44, 0f00000000; mov.f32 c45, 0f00000000; mov.f32 c46, 0f00000000; mov.f32 c47, 0f00000000;
        mov.f32 c48, 0f00000000; mov.f32 c49, 0f00000000; mov.f32 c50, 0f00000000; mov.f32 c51, 0f00000000; mov.f32 c52, 0f00000000; mov.f32 c53, 0f00000000; mov.f32 c54, 0f00000000; mov.f32 c55, 0f00000000;
        mov.f32 c56, 0f00000000; mov.f32 c57, 0f00000000; mov.f32 c58, 0f00000000; mov.f32 c59, 0f00000000; mov.f32 c60, 0f00000000; mov.f32 c61, 0f00000000; mov.f32 c62, 0f00000000; mov.f32 c63, 0f00000000;
        """;

    private const string StoreRounded = """
        add.u32 target, tile, %0;
        cvt.rn.bf16x2.f32 pair0, %2, %1;
        cvt.rn.bf16x2.f32 pair1, %4, %3;
        cvt.rn.bf16x2.f32 pair2, %6, %5;
        cvt.rn.bf16x2.f32 pair3, %8, %7;
        st.shared.v4.b32 [target], {pair0, pair1, pair2, pair3};
        """;

    private const string LoadAlong0 = """
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [left+0];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [left+1280];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [left+2560];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [left+3840];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {b0, b1, b2, b3}, [right+0];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {b4, b5, b6, b7}, [right+1280];
        """;

    private const string LoadAlong1 = """
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [left+32];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [left+1312];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [left+2592];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [left+3872];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {b0, b1, b2, b3}, [right+32];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {b4, b5, b6, b7}, [right+1312];
        """;

    private const string LoadAcross0 = """
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [left+0];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [left+1280];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [left+2560];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [left+3840];
        ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {b0, b1, b2, b3}, [right+0];
        ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {b4, b5, b6, b7}, [right+32];
        """;

    private const string LoadAcross1 = """
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [left+32];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [left+1312];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [left+2592];
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [left+3872];
        ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {b0, b1, b2, b3}, [right+4352];
        ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {b4, b5, b6, b7}, [right+4384];
        """;

    private const string MultiplyAdd = """
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c0, c1, c2, c3}, {a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c4, c5, c6, c7}, {a0, a1, a2, a3}, {b2, b3}, {c4, c5, c6, c7};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c8, c9, c10, c11}, {a0, a1, a2, a3}, {b4, b5}, {c8, c9, c10, c11};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c12, c13, c14, c15}, {a0, a1, a2, a3}, {b6, b7}, {c12, c13, c14, c15};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c16, c17, c18, c19}, {a4, a5, a6, a7}, {b0, b1}, {c16, c17, c18, c19};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c20, c21, c22, c23}, {a4, a5, a6, a7}, {b2, b3}, {c20, c21, c22, c23};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c24, c25, c26, c27}, {a4, a5, a6, a7}, {b4, b5}, {c24, c25, c26, c27};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c28, c29, c30, c31}, {a4, a5, a6, a7}, {b6, b7}, {c28, c29, c30, c31};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c32, c33, c34, c35}, {a8, a9, a10, a11}, {b0, b1}, {c32, c33, c34, c35};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c36, c37, c38, c39}, {a8, a9, a10, a11}, {b2, b3}, {c36, c37, c38, c39};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c40, c41, c42, c43}, {a8, a9, a10, a11}, {b4, b5}, {c40, c41, c42, c43};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c44, c45, c46, c47}, {a8, a9, a10, a11}, {b6, b7}, {c44, c45, c46, c47};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c48, c49, c50, c51}, {a12, a13, a14, a15}, {b0, b1}, {c48, c49, c50, c51};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c52, c53, c54, c55}, {a12, a13, a14, a15}, {b2, b3}, {c52, c53, c54, c55};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c56, c57, c58, c59}, {a12, a13, a14, a15}, {b4, b5}, {c56, c57, c58, c59};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {c60, c61, c62, c63}, {a12, a13, a14, a15}, {b6, b7}, {c60, c61, c62, c63};
        """;

    private const string StoreSums0 = """
        add.u32 target, tile, %0;
        st.shared.v2.f32 [target+0], {c0, c1};
        st.shared.v2.f32 [target+1280], {c2, c3};
        st.shared.v2.f32 [target+32], {c4, c5};
        st.shared.v2.f32 [target+1312], {c6, c7};
        st.shared.v2.f32 [target+64], {c8, c9};
        st.shared.v2.f32 [target+1344], {c10, c11};
        st.shared.v2.f32 [target+96], {c12, c13};
        st.shared.v2.f32 [target+1376], {c14, c15};
        """;

    private const string StoreSums1 = """
        add.u32 target, tile, %0;
        st.shared.v2.f32 [target+0], {c16, c17};
        st.shared.v2.f32 [target+1280], {c18, c19};
        st.shared.v2.f32 [target+32], {c20, c21};
        st.shared.v2.f32 [target+1312], {c22, c23};
        st.shared.v2.f32 [target+64], {c24, c25};
        st.shared.v2.f32 [target+1344], {c26, c27};
        st.shared.v2.f32 [target+96], {c28, c29};
        st.shared.v2.f32 [target+1376], {c30, c31};
        """;

    private const string StoreSums2 = """
        add.u32 target, tile, %0;
        st.shared.v2.f32 [target+0], {c32, c33};
        st.shared.v2.f32 [target+1280], {c34, c35};
        st.shared.v2.f32 [target+32], {c36, c37};
        st.shared.v2.f32 [target+1312], {c38, c39};
        st.shared.v2.f32 [target+64], {c40, c41};
        st.shared.v2.f32 [target+1344], {c42, c43};
        st.shared.v2.f32 [target+96], {c44, c45};
        st.shared.v2.f32 [target+1376], {c46, c47};
        """;

    private const string StoreSums3 = """
        add.u32 target, tile, %0;
        st.shared.v2.f32 [target+0], {c48, c49};
        st.shared.v2.f32 [target+1280], {c50, c51};
        st.shared.v2.f32 [target+32], {c52, c53};
        st.shared.v2.f32 [target+1312], {c54, c55};
        st.shared.v2.f32 [target+64], {c56, c57};
        st.shared.v2.f32 [target+1344], {c58, c59};
        st.shared.v2.f32 [target+96], {c60, c61};
        st.shared.v2.f32 [target+1376], {c62, c63};
        """;
}
