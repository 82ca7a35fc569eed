// Four INT4 lanes and an adder tree: one lane module with four instances.
module sample_dot4_lane(input signed [3:0] a, input signed [3:0] w, output signed [7:0] product);
  assign product = a * w;
endmodule

module sample_dot4_tree(input signed [7:0] p0, input signed [7:0] p1,
                        input signed [7:0] p2, input signed [7:0] p3,
                        output signed [9:0] sum);
  assign sum = (p0 + p1) + (p2 + p3);
endmodule

module sample_dot4(
  input clk, input rst,
  input [31:0] i__payload, input i__valid, output i__ready,
  output [9:0] o__payload, output o__valid, input o__ready
);
  reg [31:0] in_data;
  reg in_valid;
  reg [9:0] out_data;
  reg out_valid;
  wire advance = o__ready | ~out_valid;
  wire [31:0] products;
  wire [9:0] sum_value;
  assign i__ready = advance;
  assign o__payload = out_data;
  assign o__valid = out_valid;

  sample_dot4_lane lane0(.a(in_data[3:0]), .w(in_data[7:4]), .product(products[7:0]));
  sample_dot4_lane lane1(.a(in_data[11:8]), .w(in_data[15:12]), .product(products[15:8]));
  sample_dot4_lane lane2(.a(in_data[19:16]), .w(in_data[23:20]), .product(products[23:16]));
  sample_dot4_lane lane3(.a(in_data[27:24]), .w(in_data[31:28]), .product(products[31:24]));
  sample_dot4_tree tree(.p0(products[7:0]), .p1(products[15:8]), .p2(products[23:16]),
                        .p3(products[31:24]), .sum(sum_value));

  always @(posedge clk) begin
    if (advance) begin
      in_data <= i__payload;
      in_valid <= i__valid;
      out_data <= sum_value;
      out_valid <= in_valid;
    end
    if (rst) begin
      in_valid <= 1'b0;
      out_valid <= 1'b0;
    end
  end
endmodule
