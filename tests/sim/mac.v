// INT8 multiply-accumulate, written by hand: the unit on which the testbench itself is tested.
// result = acc + a * w modulo 2**32. One register takes the input beat, one gives the output beat.
module mac (
    input clk,
    input rst,
    input [47:0] i__payload,
    input i__valid,
    output i__ready,
    output [31:0] o__payload,
    output o__valid,
    input o__ready
);
    reg [47:0] taken;
    reg taken_valid;
    reg [31:0] given;
    reg given_valid;

    wire advance = o__ready | ~given_valid;
    wire signed [15:0] product = $signed(taken[7:0]) * $signed(taken[15:8]);
    wire [31:0] sum = taken[47:16] + {{16{product[15]}}, product};

    assign i__ready = advance | ~taken_valid;
    assign o__payload = given;
    assign o__valid = given_valid;

    always @(posedge clk) begin
        if (advance) begin
            given <= sum;
            given_valid <= taken_valid;
        end
        if (i__ready) begin
            taken <= i__payload;
            taken_valid <= i__valid;
        end
        if (rst) begin
            taken_valid <= 1'b0;
            given_valid <= 1'b0;
        end
    end
endmodule
